"""What the database itself refuses: changing an uploaded document or a saved text of rules.

And the first entry of the changelog of every version that is already called.
"""

from django.db import migrations

from apim.core.ids import new_public_id

SPECIFICATION = """
CREATE FUNCTION catalog_revision_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'specification revision % cannot be changed or deleted', OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER catalog_revision_is_kept BEFORE DELETE ON catalog_specrevision
    FOR EACH ROW EXECUTE FUNCTION catalog_revision_is_fixed();
CREATE TRIGGER catalog_revision_is_fixed BEFORE UPDATE ON catalog_specrevision
    FOR EACH ROW WHEN (
        (OLD.version_id, OLD.number, OLD.raw, OLD.sha256, OLD.media_type, OLD.style,
         OLD.filename, OLD.fetched, OLD.note, OLD.source_url, OLD.created_by)
        IS DISTINCT FROM
        (NEW.version_id, NEW.number, NEW.raw, NEW.sha256, NEW.media_type, NEW.style,
         NEW.filename, NEW.fetched, NEW.note, NEW.source_url, NEW.created_by)
    ) EXECUTE FUNCTION catalog_revision_is_fixed();
"""
DROP_SPECIFICATION = """
DROP TRIGGER catalog_revision_is_fixed ON catalog_specrevision;
DROP TRIGGER catalog_revision_is_kept ON catalog_specrevision;
DROP FUNCTION catalog_revision_is_fixed();
"""

# Deleted together with its ruleset, but never changed.
RULES = """
CREATE FUNCTION catalog_rules_are_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'revision % of a ruleset cannot be changed', OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER catalog_rules_are_fixed BEFORE UPDATE ON catalog_rulesetrevision
    FOR EACH ROW EXECUTE FUNCTION catalog_rules_are_fixed();
"""
DROP_RULES = """
DROP TRIGGER catalog_rules_are_fixed ON catalog_rulesetrevision;
DROP FUNCTION catalog_rules_are_fixed();
"""


def note_publications(apps, schema_editor):
    """Of each version that gateways serve, its document in force; nobody is told of it."""
    versions = apps.get_model("catalog", "ApiVersion").objects.filter(
        state__in=("published", "deprecated"), current_revision__isnull=False
    )
    publications = apps.get_model("catalog", "Publication").objects
    publications.bulk_create(
        publications.model(
            public_id=new_public_id("pub"),
            version_id=version,
            revision_id=revision,
            published_at=at or made_at,
            announced_at=at or made_at,
        )
        for version, revision, at, made_at in versions.filter(
            publications__isnull=True
        ).values_list("pk", "current_revision_id", "published_at", "created_at")
    )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_revisions_and_rules")]

    operations = [
        migrations.RunSQL(SPECIFICATION, DROP_SPECIFICATION),
        migrations.RunSQL(RULES, DROP_RULES),
        migrations.RunPython(note_publications, migrations.RunPython.noop),
    ]
