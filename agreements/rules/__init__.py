"""Pure rules of agreements and payments: no database, no screen."""
