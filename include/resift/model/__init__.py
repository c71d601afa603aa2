"""What is written down: documents, schemas and object keys."""
