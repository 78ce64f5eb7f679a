"""Arrays in, arrays out: never a path, a store or an encoder."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "calibration": ".readings.calibration",
        "change_points": ".training.change_points",
        "cka_matrix": ".shape.alignment",
        "cluster": ".clusters.clustering",
        "communities": ".graph.measures",
        "crossing": ".training.change_points",
        "diffusion_spectral_entropy": ".shape.entropy",
        "diffusion_spectral_mutual_information": ".shape.mutual_information",
        "effective_rank": ".training.weight_spectra",
        "global_dimension": ".shape.dimension",
        "hubness": ".graph.hubness",
        "knn_graph": ".graph.neighbours",
        "layout": ".shape.layout",
        "linear_cka": ".shape.alignment",
        "local_dimension": ".shape.dimension",
        "own_direction": ".identity.own_direction",
        "page_rank": ".graph.measures",
        "persistence_diagrams": ".shape.homology",
        "probe": ".readings.probes",
        "relative_norm_distance": ".readings.associations",
        "reliability": ".identity.reliability",
        "ripa": ".readings.associations",
        "select_rows": ".select.rows",
        "sparse_code": ".sparse.codes",
        "spectral_exponent": ".training.weight_spectra",
        "spread": ".identity.spread",
        "two_nn_dimension": ".shape.dimension",
        "weat": ".readings.associations",
    },
)
