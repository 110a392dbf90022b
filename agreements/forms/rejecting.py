"""What is read before a claim is rejected: what it costs, once the final claim of its part was filed."""

from agreements.forms.transitions import TransitionForm
from agreements.still_due import costs_of_rejecting


class RejectForm(TransitionForm):
    """Nothing is typed but the reason; the page says what the rejection costs, and is answered while that holds."""

    @property
    def grounds(self) -> dict[str, str]:
        """What becomes of the payment, and of the final claim that counted it, in words by label."""
        return costs_of_rejecting(self.instance)
