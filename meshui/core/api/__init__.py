"""What every endpoint is made of.

``bodies`` reads JSON and query strings into typed structs, ``conditions`` speaks ETag and If-Match, ``pages`` lists,
``operations`` describes an endpoint for OpenAPI, ``problems`` (in core) shows errors.
"""
