"""Staff find keys of every organization, revoke several, and import those of another system."""

import hashlib

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.keys import services as keys
from apim.keys.models import ApiKey, LeakReport

LIST = reverse("dashboard:keys")


def hash_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_keys_are_found_by_name_organization_and_state(installation, sam_client):
    page = sam_client.get(LIST).text
    assert "Production" in page
    assert "Acme" in page
    assert "Production" in sam_client.get(LIST, {"q": "acme"}).text
    assert "No key matches" in sam_client.get(LIST, {"q": "nobody"}).text
    assert "No key matches" in sam_client.get(LIST, {"status": "revoked"}).text


def test_a_key_page_shows_its_rules_and_leaks(installation, sam_client):
    LeakReport.objects.create(
        organization=installation.organization,
        key=installation.key,
        source="github",
        url="https://github.com/x/y",
    )
    ApiKey.objects.update(cidrs=["10.0.0.0/8"])
    page = sam_client.get(installation.url("key")).text
    assert "10.0.0.0/8" in page
    assert "https://github.com/x/y" in page
    assert "https://github.com/x/y" in sam_client.get(reverse("dashboard:leaks")).text


def test_ticked_keys_and_all_of_an_organization_are_revoked(installation, sam_client):
    more = [
        keys.issue_key(actor=SYSTEM, application=installation.application).key for _ in range(3)
    ]
    url = reverse("dashboard:keys-revoke")
    chosen = {"key": [key.public_id for key in more[:2]]}
    assert "Revoke 2 keys?" in sam_client.get(url, chosen).text
    sam_client.post(url, chosen)
    assert ApiKey.objects.filter(state="revoked").count() == 2
    whole = sam_client.get(url, {"organization": installation.organization.public_id}).text
    assert "Revoke 2 keys?" in whole
    application = {"application": installation.application.public_id}
    assert "Revoke 2 keys?" in sam_client.get(url, application).text
    named = [key.public_id for key in ApiKey.objects.filter(state="active")]
    assert all(f'value="{public_id}"' in whole for public_id in named)


def test_keys_are_imported_from_csv_json_and_plain_lists(installation, olga_client):
    url = reverse("dashboard:keys-import")
    application = installation.application.public_id
    csv_file = SimpleUploadedFile(
        "keys.csv",
        f"hash,name,environment\n{hash_of('a')},Old A,live\n\n{hash_of('b')},,test\n".encode(),
    )
    olga_client.post(url, {"application": application, "file": csv_file})
    json_text = f'[{{"hash": "{hash_of("c")}", "expires_at": "2090-01-01T00:00:00Z"}}]'
    olga_client.post(url, {"application": application, "text": json_text})
    answer = olga_client.post(url, {"application": application, "text": hash_of("d")}, follow=True)
    assert "1 key is imported." in answer.text
    imported = ApiKey.objects.filter(is_imported=True)
    assert set(imported.values_list("digest", flat=True)) == set(map(hash_of, "abcd"))
    assert imported.get(name="Old A").environment == "live"
    assert imported.get(digest=hash_of("b")).environment == "test"


def test_a_wrong_import_names_its_rows_and_keeps_what_was_typed(installation, olga_client):
    url = reverse("dashboard:keys-import")
    application = installation.application.public_id
    for text, message in (
        (f"hash,environment\n{hash_of('a')},staging", "rows.1: Choose live or test."),
        ("hash,colour\nx,red", "“colour” is no column"),
        ("[{", "This is not JSON"),
        ('[{"hash": 1, "x": 2}]', "rows.1"),
        ("", "Give a file or paste the keys."),
    ):
        answer = olga_client.post(url, {"application": application, "text": text})
        assert answer.status_code == 422
        assert message in answer.text, text
    nobody = olga_client.post(url, {"application": "app_nobody", "text": hash_of("a")})
    assert "There is no such application." in nobody.text
    assert not ApiKey.objects.filter(is_imported=True).exists()
