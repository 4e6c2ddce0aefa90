"""What the database itself refuses: changing published prices, the ledger, and closed periods."""

from django.db import migrations

# A published version (starts_at is set) keeps its terms. When it ends for new subscribers and when
# others move to it are decided later, so those columns stay open.
PLAN_VERSION = """
CREATE FUNCTION billing_version_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'plan version % is published and cannot be deleted', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.plan_id, NEW.organization_id, NEW.number, NEW.currency, NEW.tax_behavior, NEW.cadence,
        NEW.months, NEW.trial_days) IS DISTINCT FROM
       (OLD.plan_id, OLD.organization_id, OLD.number, OLD.currency, OLD.tax_behavior, OLD.cadence,
        OLD.months, OLD.trial_days) OR NEW.starts_at IS NULL THEN
        RAISE EXCEPTION 'plan version % is published and cannot be changed', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_version_is_fixed BEFORE UPDATE OR DELETE ON billing_planversion
    FOR EACH ROW WHEN (OLD.starts_at IS NOT NULL) EXECUTE FUNCTION billing_version_is_fixed();

CREATE FUNCTION billing_price_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE versions bigint[];
BEGIN
    versions := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.version_id]
                           WHEN 'DELETE' THEN ARRAY[OLD.version_id]
                           ELSE ARRAY[OLD.version_id, NEW.version_id] END;
    IF EXISTS (SELECT 1 FROM billing_planversion
               WHERE id = ANY(versions) AND starts_at IS NOT NULL) THEN
        RAISE EXCEPTION 'prices of a published plan version cannot be changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER billing_price_is_fixed BEFORE INSERT OR UPDATE OR DELETE ON billing_pricecomponent
    FOR EACH ROW EXECUTE FUNCTION billing_price_is_fixed();
"""
DROP_PLAN_VERSION = """
DROP TRIGGER billing_price_is_fixed ON billing_pricecomponent;
DROP FUNCTION billing_price_is_fixed();
DROP TRIGGER billing_version_is_fixed ON billing_planversion;
DROP FUNCTION billing_version_is_fixed();
"""

# The meter of a price never counts something else than it did.
METER = """
CREATE FUNCTION billing_meter_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what meter % counts cannot be changed', OLD.slug
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER billing_meter_is_fixed BEFORE UPDATE ON billing_meter
    FOR EACH ROW WHEN (
        (OLD.slug, OLD.kind, OLD.statuses, OLD.unit_size)
        IS DISTINCT FROM (NEW.slug, NEW.kind, NEW.statuses, NEW.unit_size)
    ) EXECUTE FUNCTION billing_meter_is_fixed();
"""
DROP_METER = """
DROP TRIGGER billing_meter_is_fixed ON billing_meter;
DROP FUNCTION billing_meter_is_fixed();
"""

# The ledger only grows. The grant's row is locked, so that two entries cannot both take the rest.
CREDIT = """
CREATE FUNCTION billing_ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'credit entries are never changed or deleted'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER billing_ledger_only_grows BEFORE UPDATE OR DELETE ON billing_creditentry
    FOR EACH ROW EXECUTE FUNCTION billing_ledger_only_grows();

CREATE FUNCTION billing_credit_is_left() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE left_minor bigint;
BEGIN
    PERFORM 1 FROM billing_creditgrant WHERE id = NEW.grant_id FOR UPDATE;
    SELECT coalesce(sum(amount_minor), 0) INTO left_minor
        FROM billing_creditentry WHERE grant_id = NEW.grant_id;
    IF left_minor + NEW.amount_minor < 0 THEN
        RAISE EXCEPTION 'credit % has only % left', NEW.grant_id, left_minor
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_credit_is_left BEFORE INSERT ON billing_creditentry
    FOR EACH ROW EXECUTE FUNCTION billing_credit_is_left();
"""
DROP_CREDIT = """
DROP TRIGGER billing_credit_is_left ON billing_creditentry;
DROP FUNCTION billing_credit_is_left();
DROP TRIGGER billing_ledger_only_grows ON billing_creditentry;
DROP FUNCTION billing_ledger_only_grows();
"""

CLOSED_PERIOD = """
CREATE FUNCTION billing_period_is_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'billing period % is closed', OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER billing_period_is_closed BEFORE UPDATE OR DELETE ON billing_billingperiod
    FOR EACH ROW WHEN (OLD.state = 'closed') EXECUTE FUNCTION billing_period_is_closed();

CREATE FUNCTION billing_line_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NOT EXISTS (
        SELECT 1 FROM billing_billingperiod WHERE id = NEW.period_id AND state = 'closed'
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'rated lines are never changed, and a closed period gets no more'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER billing_line_is_frozen BEFORE INSERT OR UPDATE OR DELETE ON billing_ratedline
    FOR EACH ROW EXECUTE FUNCTION billing_line_is_frozen();
"""
DROP_CLOSED_PERIOD = """
DROP TRIGGER billing_line_is_frozen ON billing_ratedline;
DROP FUNCTION billing_line_is_frozen();
DROP TRIGGER billing_period_is_closed ON billing_billingperiod;
DROP FUNCTION billing_period_is_closed();
"""


class Migration(migrations.Migration):

    dependencies = [("billing", "0002_plan_versions")]

    operations = [
        migrations.RunSQL(PLAN_VERSION, DROP_PLAN_VERSION),
        migrations.RunSQL(METER, DROP_METER),
        migrations.RunSQL(CREDIT, DROP_CREDIT),
        migrations.RunSQL(CLOSED_PERIOD, DROP_CLOSED_PERIOD),
    ]
