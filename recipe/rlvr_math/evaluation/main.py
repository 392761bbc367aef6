"""What the launchers run of this package, as `main` of a recipe: `launch/submit.sh --recipe evaluate`."""

from recipe.rlvr_math.evaluation.evaluate import main

if __name__ == "__main__":
    main()
