"""What is old goes where no reader of the present looks, or goes altogether."""
