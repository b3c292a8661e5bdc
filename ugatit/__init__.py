"""U-GAT-IT (Kim, Kim, Kang, Lee, ICLR 2020): the method this bench was built around."""
