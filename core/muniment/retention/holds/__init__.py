"""What keeps a record although it is due."""
