"""Writes the night's sales as a page."""

import jinja2

PAGE = jinja2.Template("<h1>{{ orders }} orders</h1>", autoescape=True)

if __name__ == "__main__":
    print(PAGE.render(orders=0))
