"""Pictures as people have them: tables, folders, archives and vectors with their metadata."""
