"""Account codes as people read them."""

from django import template

from grants.rules.budget import account_number

register = template.Library()
register.filter("account_number", account_number)
