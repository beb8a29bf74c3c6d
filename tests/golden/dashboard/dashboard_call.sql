CALL control.pause_table('orders', 'it''s me');
