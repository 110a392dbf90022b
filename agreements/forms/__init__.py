"""Forms of the app: of the transitions, and of the beneficiary's pages."""
