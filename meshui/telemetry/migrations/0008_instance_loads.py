from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0007_failed_checks")]

    operations = [
        migrations.CreateModel(
            name="InstanceLoad",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_index=True)),
                ("service", models.CharField(max_length=127)),
                ("version", models.CharField(max_length=63)),
                ("loads", models.JSONField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("service", "at", "version"), name="one_instance_load"),
                ],
            },
        ),
    ]
