"""Harbor's task format: task folders, Dockerfiles, compose files, datasets."""
