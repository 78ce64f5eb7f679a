"""Does one forward pass of the painter a level of noise say what its pictures say?

    python benchmarks/denoiser.py --half 1 --images painted     # the held-out names
    python benchmarks/denoiser.py --half 0 --images painted     # those it was developed on

The view `denoiser` is read from what the packaged painter predicts for a name, at a few levels of
noise, less what it predicts for a neutral prompt. The question is whether it knows of a name's
pictures what the name's text vector knows, or more. Fixed before anything was measured:

- *names*: those that the organism saw 300 times or more, of all kinds; every second one of each
  kind is half 0, on which pooling, weights of levels, levels and noises of the view were chosen;
  the others are held out, and asked with other noises (the view's seed 1000 instead of 0).
- *pictures*: painted with the pipeline's own steps and guidance and seen by the organism's image
  tower, as the view `image` of a space. The mean over noises of a prompt is scaled to length 1.
- *rigidity*: `similarity` of `rigidity` (mean cosine to the centre) over the world's 15 contexts
  ("a photo of NAME on a beach"): of the vectors of one picture in each context, of the denoiser's
  vectors of the same prompts, and of the text tower's.
- *own direction*: `own_score` of `identity` (what a full name has beyond its parts, over the noise
  of the noisier part): 12 given and 12 family names of the world as partners, drawn by seed 0;
  pairs that the organism saw are no swaps. "a photo of NAME"; 3 pictures of each. Names of kind E
  are left out, whose given names nobody shares.
- *claim*, for both: Spearman over names of the denoiser's values with those of pictures is at
  least Spearman of text's values with those of pictures. The difference has an interval, names
  resampled (both Spearman from the same names).
- *null*: the denoiser's values shuffled among names.

In brackets, without a bar: the length of the remainder alone; pictures seen as means of 16 × 16
blocks of pixels instead of by a tower that was trained with the text; and what tells kinds whose
truth is known: own direction of C above A and B, rigidity of D above C, as AUC.
"""
