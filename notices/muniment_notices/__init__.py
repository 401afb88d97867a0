"""The words of the documents that Muniment renders."""
