"""Text and images to unit vectors."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "encode_image_files": ".image_files",
        "Encoder": ".base",
        "GivenVectors": ".given",
        "ImageEmbeddings": ".image_files",
        "ImageFailure": ".image_files",
        "list_images": ".image_files",
        "load_encoder": ".registry",
        "open_image": ".images",
        "read_images": ".image_files",
    },
)
