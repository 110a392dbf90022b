"""What knows no grant: people and roles, transitions and events, documents, money, workbooks, long jobs."""
