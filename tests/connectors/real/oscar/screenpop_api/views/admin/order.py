# mypy: ignore-errors
"""The orders of one customer (`?email=`), or of all, sorted by customer, a page at a time."""

from django.db.models import Q, Value
from django.db.models.functions import Coalesce, NullIf
from oscarapi.views.admin import order
from rest_framework.pagination import PageNumberPagination


class _Pages(PageNumberPagination):
    page_size = 100


class OrderAdminList(order.OrderAdminList):
    """What oscarapi has, with a filter and pages."""

    pagination_class = _Pages

    def get_queryset(self):
        """Return the orders of the customer in the query, else all."""
        orders = (
            super()
            .get_queryset()
            .prefetch_related("lines", "surcharges")
            .select_related("user", "shipping_address", "billing_address")
        )
        email = self.request.query_params.get("email")
        if email is not None:
            orders = orders.filter(Q(user__email=email) | Q(user=None, guest_email=email))
            return orders.order_by("-date_placed", "-pk")
        customer = Coalesce("user__email", NullIf("guest_email", Value("")))
        return orders.order_by(customer, "-date_placed", "-pk")
