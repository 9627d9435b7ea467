from django.db import migrations, models


def note_silence(apps, schema_editor):
    """Until now only silence made an instance critical."""
    critical = apps.get_model("catalog", "Instance").objects.filter(status="critical")
    critical.update(beating=False, critical_since=models.F("last_seen_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="instance",
            name="beating",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="check_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="check_output",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="instance",
            name="check_passing",
            field=models.BooleanField(null=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="critical_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="health_check",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="instance",
            name="metadata",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="service",
            name="health_check",
            field=models.JSONField(null=True),
        ),
        migrations.RunPython(note_silence, migrations.RunPython.noop),
    ]
