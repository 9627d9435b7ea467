"""Chains the change log, what is there already included, and lets the database refuse to alter it."""

from __future__ import annotations

import django.utils.timezone
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

APPEND_ONLY = """
CREATE FUNCTION core_change_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the change log is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER core_change_append_only BEFORE UPDATE OR DELETE ON core_change
    FOR EACH ROW EXECUTE FUNCTION core_change_append_only();
"""
ALTERABLE = """
DROP TRIGGER core_change_append_only ON core_change;
DROP FUNCTION core_change_append_only();
"""


def chain(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    from meshui.core.chain import START, digest_of, line_of

    change, mesh = apps.get_model("core", "Change"), apps.get_model("core", "Mesh")
    head = START
    for row in change.objects.order_by("pk").iterator():
        head = digest_of(line_of(row), head)
        change.objects.filter(pk=row.pk).update(digest=head)
    mesh.objects.update(chain=head)


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_revision_applied_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="mesh",
            name="chain",
            field=models.CharField(default="0" * 64, max_length=64),
        ),
        migrations.AddField(
            model_name="change",
            name="digest",
            field=models.CharField(default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="change",
            name="at",
            field=models.DateTimeField(db_index=True, default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.RunPython(chain, migrations.RunPython.noop),
        migrations.RunSQL(APPEND_ONLY, ALTERABLE),
    ]
