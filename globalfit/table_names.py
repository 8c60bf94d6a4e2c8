"""Names of data tables, as results have them."""

# The file of a folder of data that says where its tables come from.
PROVENANCE = "provenance.yaml"


def logical_name(name: str) -> str:
    """`lz_2024/limits.csv`, also of `globalfit.likelihoods.lz_2024/limits.csv` as results had it before: a table stays
    the same where its package is moved."""
    package, slash, filename = name.rpartition("/")
    if not slash:
        return name
    return f"{package.rpartition('.')[2]}/{filename}"
