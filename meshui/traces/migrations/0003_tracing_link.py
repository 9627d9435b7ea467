from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("traces", "0002_tracing_setting"),
    ]

    operations = [
        migrations.AddField(
            model_name="tracingsetting",
            name="link",
            field=models.CharField(blank=True, default="", max_length=500),
        ),
    ]
