"""What is read before a claim is rejected: what it costs, once the final claim of its part was filed, or its act has ended."""

from agreements.forms.transitions import TransitionForm
from agreements.settlements.falling import costs_of_its_fall
from agreements.still_due import costs_of_rejecting


class RejectForm(TransitionForm):
    """Nothing is typed but the reason; the page says what the rejection costs, and is answered while that holds."""

    @property
    def grounds(self) -> dict[str, str]:
        """What becomes of the payment, of the final claim that counted it, and of what was paid on an act that has ended, in
        words by label."""
        return costs_of_rejecting(self.instance) | costs_of_its_fall(self.instance)
