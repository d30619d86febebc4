print("buzon")
