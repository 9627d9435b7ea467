"""What is so, as far as a rotation cares: who took the bundle, who holds a certificate of which root.

Of a certificate it counts what the proxy itself reports to use, never that one was signed: an answer may be lost on its
way, and a proxy that was killed comes back with what it had kept.
"""

from __future__ import annotations

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from meshui.catalog.selectors import actively_checked
from meshui.core.models import Revision
from meshui.delivery.settle import FOLLOWERS, OFFLINE_S
from meshui.rotation.facts import Facts, ProxyFact
from meshui.rotation.models import Rotation
from meshui.security.models import IssuedCertificate

# A report names the end of the certificate in use, to the second. Where two of a proxy's end in the same second, it
# counts as holding the root's only if both are under it.
_PROXIES = f"""
WITH follower AS ({FOLLOWERS})
SELECT f.id, f.service, p.name, p.joined_at, p.last_seen_at, p.certificate_not_after, f.offline,
       %(published)s AND coalesce((a.epoch, a.revision) >= (d.epoch, d.revision), false),
       CASE WHEN (a.refused_epoch, a.refused_revision) >= (d.epoch, d.revision) THEN a.error ELSE '' END,
       coalesce(held.good, false), coalesce(held.others, '{{}}'::varchar[]), held.ordered_at
FROM follower f
JOIN catalog_proxy p ON p.id = f.id
LEFT JOIN delivery_published d ON d.resource = 'trust'
LEFT JOIN delivery_applied a ON a.resource = 'trust' AND a.proxy_id = f.id
LEFT JOIN LATERAL (
    SELECT bool_and(s.root_id = %(root)s) AS good,
           array_agg(c.serial) FILTER (WHERE s.root_id <> %(root)s) AS others,
           min(c.renewal_ordered_at) FILTER (WHERE s.root_id <> %(root)s) AS ordered_at
    FROM security_issuedcertificate c JOIN security_authority s ON s.id = c.authority_id
    WHERE c.proxy_id = f.id AND c.not_after = p.certificate_not_after
) held ON true
ORDER BY p.certificate_not_after, f.id
"""  # noqa: S608 - constants alone


def observe(rotation: Rotation) -> Facts:
    """Everything at once, in a fixed number of queries."""
    now = timezone.now()
    revision = Revision.objects.filter(pk=rotation.bundle_revision).first()
    published = revision is not None and revision.published_at is not None
    leaving = IssuedCertificate.objects.filter(authority__root=rotation.leaving)
    with connection.cursor() as cursor:
        cursor.execute(_PROXIES, {"root": rotation.signing.pk, "published": published, "offline_s": OFFLINE_S})
        proxies = tuple(ProxyFact(*row) for row in cursor.fetchall())
    return Facts(
        now=now,
        published=published,
        failure=revision.error if revision is not None and revision.failed_at is not None else "",
        proxies=proxies,
        last_replaced_at=leaving.aggregate(at=Max("replaced_at"))["at"],
        registry=leaving.filter(proxy_id="", replaced_at=None, not_after__gt=now).exists() and _registry_asks(),
    )


def _registry_asks() -> bool:
    """Whether the registry speaks mTLS with anybody, and so uses its certificate."""
    return actively_checked().filter(proxy__isnull=False).exists()
