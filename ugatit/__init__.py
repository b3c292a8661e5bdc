"""U-GAT-IT (Kim, Kim, Kang and Lee, ICLR 2020), the method that ugbench is built around."""
