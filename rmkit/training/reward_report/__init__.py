"""The Reward Report: what a trained model says about itself, as a page and as its folder's model card.

After Gilbert, Lambert, Dean, Zick and Snoswell, "Reward Reports for Reinforcement Learning" (2022). `report`
puts it together, `training` and `evaluation` say what was measured, `document` writes it, `pictures` draws.
"""
