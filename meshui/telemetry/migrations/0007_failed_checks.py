from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0006_edges_by_route_and_instance")]

    operations = [
        migrations.AddField(
            model_name="policyrollup",
            name="failed",
            field=models.BigIntegerField(default=0),
        ),
    ]
