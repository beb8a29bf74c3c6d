CALL control.pause_table('orders', 'paused in the dashboard');
