"""What the UNet of a pipeline predicts for a name, beside what it predicts for anybody."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "Denoiser": ".maker",
        "DenoiserSettings": ".maker",
        "load_denoiser": ".maker",
        "denoise": ".study",
    },
)
