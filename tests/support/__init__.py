"""What tests share: toys in place of the real plug-ins, analytic targets, small tables, points."""
