from django.urls import path

from apim.ui import gallery, views

app_name = "ui"
urlpatterns = [
    path("theme/", views.set_theme, name="theme"),
    path("dev/components/", gallery.components, name="components"),
]
