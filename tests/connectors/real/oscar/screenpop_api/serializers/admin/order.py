# mypy: ignore-errors
"""Orders with their lines inside, instead of links to them."""

from oscar.core.loading import get_model
from oscarapi.serializers.admin import order
from rest_framework import serializers

AdminOrderLineSerializer = order.AdminOrderLineSerializer
AdminOrderLineAttributeSerializer = order.AdminOrderLineAttributeSerializer


class _Line(serializers.ModelSerializer):
    class Meta:
        model = get_model("order", "Line")
        fields = ("product_id", "partner_sku", "title", "quantity", "unit_price_incl_tax",
                  "line_price_incl_tax")  # fmt: skip


class AdminOrderSerializer(order.AdminOrderSerializer):
    """What oscarapi has, with the lines."""

    lines = _Line(many=True)
