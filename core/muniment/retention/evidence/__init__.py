"""What is left behind to prove a disposal, and to repeat it after a restore."""
