"""De minimis aid: the register, what is left of the ceiling, what links enterprises, the central register."""
