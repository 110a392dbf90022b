"""The beneficiary's pages."""
