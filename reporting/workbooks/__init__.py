"""The workbooks of reporting: columns as data, rows from dated facts."""
