"""The frame of the pages, and what their forms have in common."""
