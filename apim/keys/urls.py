from django.urls import path

from apim.keys import webhooks

urlpatterns = [
    path("webhooks/leaked-key/", webhooks.leaked_key, name="leaked_key"),
    path(
        "webhooks/github/secret-scanning/",
        webhooks.github_secret_scanning,
        name="github_secret_scanning",
    ),
]
