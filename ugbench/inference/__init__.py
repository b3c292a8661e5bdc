"""How does a trained model translate?"""
