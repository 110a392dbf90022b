from django import forms


class AcceptForm(forms.Form):
    amount = forms.DecimalField(min_value=0, decimal_places=2)
    note = forms.CharField(required=False)
    proof = forms.FileField(required=False)

    def __init__(self, *args, instance, actor, **kwargs):
        super().__init__(*args, **kwargs)
        self.instance = instance
        self.actor = actor
