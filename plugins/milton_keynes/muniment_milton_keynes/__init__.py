"""Milton Keynes: Employment Support Services, declared for Muniment."""
