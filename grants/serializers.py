"""What the REST interface says of programmes, calls and applications."""

from decimal import Decimal

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.rest import EuroField
from grants.models import Application, Call, Piece, Programme
from grants.states import ApplicationState

# What the applicant is not told yet looks like the state before it.
SHOWN_TO_APPLICANT = {ApplicationState.INSTRUCTED: ApplicationState.IN_INSTRUCTION}


class ProgrammeSerializer(serializers.ModelSerializer):
    """A programme of the catalogue."""

    version = serializers.IntegerField(source="version_number", read_only=True, allow_null=True)
    url = serializers.HyperlinkedIdentityField(view_name="api-programme-detail", lookup_field="code")

    class Meta:
        model = Programme
        fields = ["code", "name", "summary", "version", "url"]


class CallSerializer(serializers.ModelSerializer):
    """A published call, with the reason why nothing can be filed under it when that is so."""

    programme = serializers.CharField(source="programme_version.programme.code", read_only=True)
    programme_version = serializers.IntegerField(source="programme_version.number", read_only=True)
    is_open = serializers.SerializerMethodField()
    closed_reason = serializers.SerializerMethodField()
    url = serializers.HyperlinkedIdentityField(view_name="api-call-detail", lookup_field="code")

    class Meta:
        model = Call
        fields = [
            "code",
            "title",
            "programme",
            "programme_version",
            "opens_at",
            "closes_at",
            "is_open",
            "closed_reason",
            "url",
        ]

    def get_is_open(self, call: Call) -> bool:
        return call.is_open()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_closed_reason(self, call: Call) -> str | None:
        return call.closed_to_readers


class ApplicationSerializer(serializers.ModelSerializer):
    """A case as a list shows it. Amounts that only the staff know are null for the applicant."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    programme = serializers.CharField(source="programme_version.programme.code", read_only=True)
    call = serializers.CharField(source="call.code", read_only=True)
    applicant = serializers.CharField(source="applicant.display_name", read_only=True)
    state = serializers.SerializerMethodField()
    state_label = serializers.SerializerMethodField()
    requested_amount = EuroField(allow_null=True)
    computed_amount = serializers.SerializerMethodField()
    proposed_amount = serializers.SerializerMethodField()
    granted_amount = EuroField(allow_null=True)
    url = serializers.HyperlinkedIdentityField(
        view_name="api-application-detail", lookup_field="public_id", lookup_url_kwarg="public_id"
    )

    class Meta:
        model = Application
        fields = [
            "id",
            "number",
            "title",
            "programme",
            "call",
            "applicant",
            "state",
            "state_label",
            "requested_amount",
            "computed_amount",
            "proposed_amount",
            "granted_amount",
            "project_start",
            "project_end",
            "created_at",
            "submitted_at",
            "decision_due_on",
            "url",
        ]

    @property
    def _is_staff(self) -> bool:
        return self.context["request"].user.is_staff_member

    @extend_schema_field(serializers.ChoiceField(choices=ApplicationState.choices))
    def get_state(self, application: Application) -> str:
        if self._is_staff:
            return application.state
        return SHOWN_TO_APPLICANT.get(application.state, application.state)

    def get_state_label(self, application: Application) -> str:
        return application.state_label("staff" if self._is_staff else "applicant")

    @extend_schema_field(EuroField(allow_null=True))
    def get_computed_amount(self, application: Application) -> str | None:
        return self._for_staff(application.computed_amount)

    @extend_schema_field(EuroField(allow_null=True))
    def get_proposed_amount(self, application: Application) -> str | None:
        return self._for_staff(application.proposed_amount)

    def _for_staff(self, amount: Decimal | None) -> str | None:
        return f"{amount:.2f}" if self._is_staff and amount is not None else None


class PieceSerializer(serializers.ModelSerializer):
    """A file of a case. ``document`` is the address that serves it to those who may read it."""

    name = serializers.CharField(source="document.name", read_only=True)
    size = serializers.IntegerField(source="document.size", read_only=True)
    sha256 = serializers.CharField(source="document.sha256", read_only=True)
    document = serializers.SerializerMethodField()

    class Meta:
        model = Piece
        fields = ["code", "state", "note", "name", "size", "sha256", "added_at", "document"]

    @extend_schema_field(serializers.URLField())
    def get_document(self, piece: Piece) -> str:
        return self.context["request"].build_absolute_uri(piece.document.get_absolute_url())


class ApplicationDetailSerializer(ApplicationSerializer):
    """A case with its answers and its pieces."""

    answers = serializers.JSONField(read_only=True)
    pieces = PieceSerializer(source="current_pieces", many=True, read_only=True)

    class Meta(ApplicationSerializer.Meta):
        fields = [*ApplicationSerializer.Meta.fields, "answers", "pieces"]
