CALL control.apply_tasks();
