"""The program `prove`: whether tasks judge as they should."""
