"""How days are written and read, where Django’s own way for a language is not that of the Region."""
