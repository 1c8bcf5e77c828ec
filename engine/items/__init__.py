"""Items: what can be rolled out and scored, from questions in split folders to spreadsheets."""
