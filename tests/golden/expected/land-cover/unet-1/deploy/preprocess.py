# What happens before and after the network: made by dlm-catalog from the metadata of the model.
#
# Model: 'unet-1'
# Not stated, and inferred:
# - the data type of the tensor, float32
# - that the channel with the highest value is the class
# - 255 for pixels without data
import numpy as np


# for the input 'image'
def preprocess(image):
    """The tensor (1 x 3 x 256 x 256) of an image (bands x height x width), and which pixels have data."""
    # data type of the image: uint16
    # bands, in the order of the tensor:
    # 'B04', 'B03', 'B02'
    pixels = np.asarray(image)[[2, 1, 0]]
    valid = np.ones(pixels.shape[1:], dtype=bool)
    valid &= ~(pixels == 0).all(axis=0)
    x = pixels.astype('float32')
    x *= 0.0001
    x -= np.array([0.1, 0.2, 0.3]).reshape(-1, 1, 1)
    x /= np.array([0.05, 0.06, 0.07]).reshape(-1, 1, 1)
    return x[np.newaxis], valid


def postprocess(output, valid=None):
    """The class of each pixel or image, and 255 where pixels have no data."""
    # 3 classes by index:
    # 0: 'water'
    # 1: 'forest'
    # 2: 'other'
    classes = np.asarray(output).argmax(axis=1).astype('uint8')
    if valid is not None and classes.shape[-2:] == valid.shape:
        classes[..., ~valid] = 255
    return classes
