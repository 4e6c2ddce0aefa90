"""The supervisor behind `make up`: embedded services and every process of the product."""
