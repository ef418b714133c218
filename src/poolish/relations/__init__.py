"""Known covariances between labelled units: pedigrees, genotypes, phylogenies, maps."""

from poolish.relations.build import as_relation, as_relations, precision
from poolish.relations.genomic import genomic_relationship
from poolish.relations.matrix_files import read_gemma, read_grm
from poolish.relations.network import car_precision
from poolish.relations.newick import newick_covariance
from poolish.relations.pedigree import Pedigree
from poolish.relations.relation import (
    Relation,
    dense_covariance,
    mean_variance,
    missing_labels,
    reorder,
    select,
)

__all__ = [
    "Pedigree",
    "Relation",
    "as_relation",
    "as_relations",
    "car_precision",
    "dense_covariance",
    "genomic_relationship",
    "mean_variance",
    "missing_labels",
    "newick_covariance",
    "precision",
    "read_gemma",
    "read_grm",
    "reorder",
    "select",
]
