"""From mesh values to wire resources, pure: the same mesh gives the same bytes.

``service.py`` and ``proxy.py`` translate, ``check.py`` says whether the result hangs together.
"""
