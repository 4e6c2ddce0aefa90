"""What calls cost: the publisher's choice, kept over revisions, told to gateways."""

import pytest

from apim.catalog import services
from apim.catalog.errors import WrongState
from apim.catalog.selectors import groups_of
from apim.core.errors import InvalidInput


def test_costs_are_set_audited_announced_and_kept_over_a_revision(version, pia, news, actions):
    operation = version.operations.filter(removed_at__isnull=True).first()
    told = len(news())
    changed = services.set_operation_costs(
        actor=pia, version=version, costs={operation.public_id: 5}
    )
    assert [one.pk for one in changed] == [operation.pk]
    action, before, after = actions(version)[-1]
    assert action == "api_version.costs_changed"
    assert (before, after) == ({"costs": {str(operation): 1}}, {"costs": {str(operation): 5}})
    assert news()[told:] == [("api_version.changed", {"version_id": version.pk})]

    raw = bytes(version.current_revision.raw) + b"\n"
    services.upload_revision(actor=pia, version=version, raw=raw)
    operation.refresh_from_db()
    assert (operation.cost, operation.removed_at) == (5, None)


def test_setting_the_same_costs_again_changes_nothing(version, pia, news):
    told = len(news())
    costs = {operation.public_id: 1 for operation in version.operations.all()}
    assert services.set_operation_costs(actor=pia, version=version, costs=costs) == ()
    assert len(news()) == told


@pytest.mark.parametrize("cost", [0, -1, 1.5, True, 1_000_001])
def test_a_cost_that_is_no_whole_number_is_refused_and_nothing_is_set(version, pia, cost):
    first, *_ = version.operations.all()
    with pytest.raises(InvalidInput) as caught:
        services.set_operation_costs(actor=pia, version=version, costs={first.public_id: cost})
    assert list(caught.value.fields) == [f"costs/{first.public_id}"]
    first.refresh_from_db()
    assert first.cost == 1


def test_an_operation_of_another_version_and_a_retired_version_are_refused(version, pia):
    with pytest.raises(InvalidInput) as caught:
        services.set_operation_costs(actor=pia, version=version, costs={"opn_other": 2})
    assert list(caught.value.fields) == ["costs/opn_other"]
    services.publish_version(actor=pia, version=version)
    services.retire_version(actor=pia, version=version)
    with pytest.raises(WrongState):
        services.set_operation_costs(actor=pia, version=version, costs={})


def test_a_version_says_which_header_states_the_cost_and_whether_it_fails_open(
    version, pia, actions
):
    services.update_version(actor=pia, version=version, cost_header=" X-Call-Cost", fails_open=True)
    version.refresh_from_db()
    assert (version.cost_header, version.fails_open) == ("x-call-cost", True)
    assert actions(version)[-1][2] == {"cost_header": "x-call-cost", "fails_open": True}
    services.update_version(actor=pia, version=version, cost_header="", fails_open=False)
    assert (version.cost_header, version.fails_open) == ("", False)


@pytest.mark.parametrize("name", ["x cost", "x:cost", "ü", "x" * 61, "-x", "x\r\ny"])
def test_a_cost_header_that_is_no_header_name_is_refused(version, pia, name):
    with pytest.raises(InvalidInput) as caught:
        services.update_version(actor=pia, version=version, cost_header=name)
    assert list(caught.value.fields) == ["cost_header"]


def test_groups_are_the_documents_tags_until_they_are_set_and_are_kept_over_a_revision(
    version, pia, news, actions
):
    operation = version.operations.filter(removed_at__isnull=True).first()
    assert operation.groups == operation.tags
    told = len(news())
    name = str(operation.public_id)
    groups = {name: [" heavy ", "read", "heavy"]}
    services.set_operation_groups(actor=pia, version=version, groups=groups)
    assert actions(version)[-1][0] == "api_version.groups_changed"
    assert len(news()) == told + 1
    raw = bytes(version.current_revision.raw) + b"\n"
    services.upload_revision(actor=pia, version=version, raw=raw)
    operation.refresh_from_db()
    assert operation.groups == ["heavy", "read"]
    services.set_operation_groups(actor=pia, version=version, groups={name: None})
    operation.refresh_from_db()
    assert operation.groups == operation.tags


@pytest.mark.parametrize("groups", [[""], ["a,b"], ["x" * 81], ["\n"], [str(n) for n in range(21)]])
def test_a_group_without_a_usable_name_is_refused(version, pia, groups):
    operation = version.operations.first()
    with pytest.raises(InvalidInput) as caught:
        services.set_operation_groups(
            actor=pia, version=version, groups={str(operation.public_id): groups}
        )
    assert list(caught.value.fields) == [f"groups/{operation.public_id}"]


def test_the_groups_of_the_publisher_are_offered_to_limits_in_place_of_tags(version, pia, product):
    before = groups_of(product)
    every = {str(one.public_id): ["heavy"] for one in version.operations.all()}
    services.set_operation_groups(actor=pia, version=version, groups=every)
    assert "heavy" not in before
    assert groups_of(product) == ("heavy",)
